// The plain use of librabbitmq that the relay stands beside: publishes COUNT messages of SIZE bytes to an exchange, at most WINDOW ahead of their
// confirmations, and prints the rate.
//   publish PORT COUNT SIZE WINDOW
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <amqp.h>
#include <amqp_framing.h>
#include <amqp_tcp_socket.h>

static void check(amqp_rpc_reply_t reply, const char *what) {
    if (reply.reply_type == AMQP_RESPONSE_NORMAL) return;
    fprintf(stderr, "publish: %s failed\n", what);
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

int main(int count, char **words) {
    if (count != 5) return 2;
    const long messages = atol(words[2]), size = atol(words[3]), window = atol(words[4]);
    amqp_connection_state_t state = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(state);
    if (amqp_socket_open(socket, "127.0.0.1", atoi(words[1])) != AMQP_STATUS_OK) {
        fprintf(stderr, "publish: no connection\n");
        return 1;
    }
    check(amqp_login(state, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"), "the login");
    amqp_channel_open(state, 1);
    check(amqp_get_rpc_reply(state), "the channel");
    amqp_confirm_select(state, 1);
    check(amqp_get_rpc_reply(state), "confirmation");

    char *text = malloc(size);
    memset(text, 'x', size);
    const amqp_bytes_t body = {.len = size, .bytes = text};
    amqp_basic_properties_t properties = {0};
    properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
    properties.delivery_mode = AMQP_DELIVERY_PERSISTENT;

    // Confirmations come in any order: for one message, or for all up to one.
    char *is_confirmed = calloc(messages + 1, 1);
    const double start = now();
    long sent = 0, confirmed = 0, all_below = 1;
    while (confirmed < messages) {
        if (sent < messages && sent - confirmed < window) {
            if (amqp_basic_publish(state, 1, amqp_cstring_bytes("annals.events"), amqp_cstring_bytes("post.PostPublished"), 0, 0, &properties, body)
                != AMQP_STATUS_OK) return 1;
            sent++;
            continue;
        }
        amqp_frame_t frame;
        amqp_maybe_release_buffers(state);
        if (amqp_simple_wait_frame(state, &frame) != AMQP_STATUS_OK) return 1;
        if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD) return 1;
        const amqp_basic_ack_t *ack = frame.payload.method.decoded;
        for (long tag = ack->multiple ? all_below : (long)ack->delivery_tag; tag <= (long)ack->delivery_tag; tag++) {
            confirmed += !is_confirmed[tag];
            is_confirmed[tag] = 1;
        }
        if (ack->multiple) all_below = ack->delivery_tag + 1;
    }
    printf("%.1f\n", messages / (now() - start));
    return 0;
}
