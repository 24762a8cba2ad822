#include "common/bus/bus_curve.h"
#include "common/bus/bus_arrows.h"
#include "common/bus/bus_door.h"
#include "common/log/log.h"
#include <assert.h>

static bool set_key(void *raw, int option, const uint8_t key[BUS_KEY_BYTES]) {
    return zmq_setsockopt(raw, option, key, BUS_KEY_BYTES) == 0;
}

zp_error bus_curve_host(const bus_context *bus, void *raw, bus_socket_kind kind) {
    assert(bus->door); /* without one, libzmq lets everybody in */
    const char *domain = kind == BUS_PUB ? BUS_DOMAIN_PUB : BUS_DOMAIN_ROUTER;
    const int yes = 1;
    return set_key(raw, ZMQ_CURVE_SECRETKEY, bus_keys_own_secret(bus->keys)) &&
                   zmq_setsockopt(raw, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
                   zmq_setsockopt(raw, ZMQ_ZAP_DOMAIN, domain, strlen(domain)) == 0
               ? ZP_OK
               : ZP_SYSTEM;
}

zp_error bus_curve_come(const bus_context *bus, void *raw, process_kind host,
                        uint8_t ret_host_key[BUS_KEY_BYTES]) {
    const uint8_t *key_of_host = bus_keys_of(bus->keys, host, uv_now(bus->loop));
    if (!key_of_host) {
        log_error("bus.no_certificate", "kind=%s", process_kind_name(host));
        return ZP_NOT_FOUND;
    }
    memcpy(ret_host_key, key_of_host, BUS_KEY_BYTES);
    return set_key(raw, ZMQ_CURVE_SECRETKEY, bus_keys_own_secret(bus->keys)) &&
                   set_key(raw, ZMQ_CURVE_PUBLICKEY, bus_keys_own_public(bus->keys)) &&
                   set_key(raw, ZMQ_CURVE_SERVERKEY, key_of_host)
               ? ZP_OK
               : ZP_SYSTEM;
}

bool bus_curve_has_changed(const bus_context *bus, process_kind host, const uint8_t host_key[BUS_KEY_BYTES]) {
    const uint8_t *key = bus_keys_of(bus->keys, host, uv_now(bus->loop));
    return key && memcmp(key, host_key, BUS_KEY_BYTES) != 0;
}

bool bus_curve_may_say(const bus_context *bus, zmq_msg_t *tag) {
    if (!bus->keys) {
        return true;
    }
    str_view said = str_view_make(zmq_msg_data(tag), zmq_msg_size(tag));
    const char *speaker = zmq_msg_gets(tag, "User-Id"); /* as the door answered */
    if (speaker && bus_arrows_allow(config_process_kind(bus->config), process_kind_named(speaker), said)) {
        return true;
    }
    const char *address = zmq_msg_gets(tag, "Peer-Address");
    bus_door_refused(bus->door, BUS_REFUSED_ARROW, address ? address : "unknown", said);
    return false;
}
