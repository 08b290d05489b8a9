/* empty.c: what a flag is tried on. */
int main(void);

int
main(void)
{
    return 0;
}
