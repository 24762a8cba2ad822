#include "common/redis/redis_address.h"

enum { ADDRESS_BYTES = 64 };

static const struct addrinfo *pick(const struct addrinfo *addresses, unsigned attempts) {
    unsigned count = 0;
    for (const struct addrinfo *at = addresses; at; at = at->ai_next) {
        count++;
    }
    const struct addrinfo *picked = addresses;
    for (unsigned skip = count > 0 ? attempts % count : 0; skip > 0; skip--) {
        picked = picked->ai_next;
    }
    return picked;
}

static void on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
    const redis_address_lookup *lookup = request->data;
    const struct addrinfo *picked = pick(addresses, lookup->attempts);
    char address[ADDRESS_BYTES] = "";
    if (picked && picked->ai_family == AF_INET6) {
        uv_ip6_name((const struct sockaddr_in6 *)picked->ai_addr, address, sizeof address);
    } else if (picked) {
        uv_ip4_name((const struct sockaddr_in *)picked->ai_addr, address, sizeof address);
    }
    uv_freeaddrinfo(addresses);
    const char *why = picked ? "" : status != 0 ? uv_strerror(status) : "the name has no address";
    lookup->on_address(lookup->context, picked ? address : NULL, why);
}

zp_error redis_address_look_up(redis_address_lookup *lookup, uv_loop_t *loop, const char *host,
                               unsigned attempts, redis_address_fn *on_address, void *context,
                               const char **ret_why) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    lookup->request.data = lookup;
    lookup->attempts = attempts;
    lookup->on_address = on_address;
    lookup->context = context;
    int error = uv_getaddrinfo(loop, &lookup->request, on_lookup, host, NULL, &hints);
    if (error != 0) {
        *ret_why = uv_strerror(error);
        return ZP_SYSTEM;
    }
    return ZP_OK;
}

void redis_address_cancel(redis_address_lookup *lookup) {
    (void)uv_cancel((uv_req_t *)&lookup->request); /* one that has begun ends by itself */
}
