/* profile.c: the kinds of certificates. */
#include "ca/profile.h"

#include <string.h>

#include <openssl/obj_mac.h>

/* clang-format off */
const struct profile profiles[PROFILE_COUNT] = {
    [PROFILE_ROOT]      = {"root",      CA_ROOT,    true,  -1, 0},
    [PROFILE_SERVER_CA] = {"server-ca", CA_ROOT,    true,   0, NID_server_auth},
    [PROFILE_CLIENT_CA] = {"client-ca", CA_ROOT,    true,   0, NID_client_auth},
    [PROFILE_SERVER]    = {"server",    CA_SERVERS, false, -1, NID_server_auth},
    [PROFILE_CLIENT]    = {"client",    CA_CLIENTS, false, -1, NID_client_auth},
};
/* clang-format on */

enum profile_id
profile_find(const char *word)
{
    int i = 0;

    while (i < PROFILE_COUNT && strcmp(profiles[i].word, word) != 0)
        i++;
    return (enum profile_id)i;
}
