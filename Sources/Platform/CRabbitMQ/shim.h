#ifndef CRABBITMQ_SHIM_H
#define CRABBITMQ_SHIM_H

#include <sys/time.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

// Swift can call no function that takes any number of arguments.
static inline amqp_rpc_reply_t amqp_login_plain(amqp_connection_state_t state, const char *vhost, int heartbeat, const char *name,
    const char *user, const char *password) {
    amqp_table_entry_t entry;
    entry.key = amqp_cstring_bytes("connection_name");
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_cstring_bytes(name);
    amqp_table_t properties = {1, &entry};
    return amqp_login_with_properties(state, vhost, AMQP_DEFAULT_MAX_CHANNELS, AMQP_DEFAULT_FRAME_SIZE, heartbeat, &properties,
        AMQP_SASL_METHOD_PLAIN, user, password);
}

#endif
