/* The yardstick of `make bench`: libevhtp alone, which reads a callback and answers 200 without looking at it. */
#include <evhtp/evhtp.h>
#include <stdio.h>
#include <stdlib.h>

static void
on_request(evhtp_request_t *request, void *argument)
{
    (void)argument;
    evbuffer_add(request->buffer_out, "success", 7);
    evhtp_send_reply(request, EVHTP_RES_OK);
}

int
main(int argc, char **argv)
{
    struct event_config *config = event_config_new();
    struct event_base *base;
    evhtp_t *htp;

    if (argc != 2 || config == NULL) {
        fputs("usage: bare_evhtp PORT\n", stderr);
        return 2;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    htp = base == NULL ? NULL : evhtp_new(base, NULL);
    if (htp == NULL) {
        fputs("bare_evhtp: no event base\n", stderr);
        return 1;
    }
    evhtp_set_gencb(htp, on_request, NULL);
    if (evhtp_bind_socket(htp, "127.0.0.1", (uint16_t)strtoul(argv[1], NULL, 10), 1024) < 0) {
        perror("bare_evhtp: bind");
        return 1;
    }
    return event_base_loop(base, 0);
}
