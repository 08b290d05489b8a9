/* kind.c: the kinds of certificates. */
#include "ca/kind.h"

#include <string.h>

#include <openssl/obj_mac.h>

/* clang-format off */
const struct kind kinds[KIND_COUNT] = {
    [KIND_ROOT]      = {"root",      CA_ROOT,    true,  -1, 0},
    [KIND_SERVER_CA] = {"server-ca", CA_ROOT,    true,   0, NID_server_auth},
    [KIND_CLIENT_CA] = {"client-ca", CA_ROOT,    true,   0, NID_client_auth},
    [KIND_TENANT_CA] = {"tenant-ca", CA_ROOT,    true,   0, NID_client_auth},
    [KIND_SERVER]    = {"server",    CA_SERVERS, false, -1, NID_server_auth},
    [KIND_CLIENT]    = {"client",    CA_CLIENTS, false, -1, NID_client_auth},
    [KIND_CANARY]    = {"canary",    CA_CLIENTS, false, -1, NID_client_auth},
};
/* clang-format on */

enum kind_id
kind_find(const char *word)
{
    int i = 0;

    while (i < KIND_COUNT && strcmp(kinds[i].word, word) != 0)
        i++;
    return (enum kind_id)i;
}
