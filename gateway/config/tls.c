/* The section gateway.tls: its options are tried out as they will be used. */
#include "base/clock.h"
#include "config/faults.h"
#include "config/sections.h"

#define DAY_SECONDS         ((int64_t)86400)
#define EXPIRY_WARNING_DAYS 14

static const char *const options[] = {
    [TLS_CERTIFICATE] = "gateway.tls.certificate_file",
    [TLS_KEY] = "gateway.tls.key_file",
    [TLS_CLIENT_CA] = "gateway.tls.client_ca_file",
    [TLS_CIPHERS] = "gateway.tls.ciphers",
};

static void
check_expiry(struct loader *loader, const struct node *root, const struct tls_context *context)
{
    const char *path = loader->config->tls.certificate_file;
    unsigned line = option_line(root, options[TLS_CERTIFICATE]);
    int64_t left_seconds = tls_context_expires_seconds(context) - clock_wall_ms(clock_system()) / 1000;

    if (left_seconds <= 0) {
        fault_add(&loader->warnings, line, "%s: the certificate in %.*s has expired: clients refuse it; renew it",
                  options[TLS_CERTIFICATE], QUOTE(slice_from(path)));
    } else if (left_seconds < EXPIRY_WARNING_DAYS * DAY_SECONDS) {
        fault_add(&loader->warnings, line, "%s: the certificate in %.*s expires in %lld hours; renew it",
                  options[TLS_CERTIFICATE], QUOTE(slice_from(path)), (long long)(left_seconds / 3600));
    }
}

/* What stands there without a certificate. */
static void
check_unused(struct loader *loader, const struct node *root)
{
    const struct tls_settings *settings = &loader->config->tls;
    const char *const given[] = {
        [TLS_KEY] = settings->key_file,
        [TLS_CLIENT_CA] = settings->client_ca_file,
        [TLS_CIPHERS] = settings->ciphers,
    };

    for (size_t part = TLS_KEY; part < sizeof given / sizeof *given; part++) {
        if (given[part] != NULL) {
            fault_add(loader->faults, option_line(root, options[part]),
                      "%s means nothing without gateway.tls.certificate_file; set it, or take this out", options[part]);
        }
    }
}

void
tls_check(struct loader *loader, const struct node *root)
{
    const struct tls_settings *settings = &loader->config->tls;
    struct tls_context *context;
    enum tls_part part = TLS_CERTIFICATE;
    struct error error;

    if (settings->certificate_file == NULL) {
        check_unused(loader, root);
        return;
    }
    if (settings->key_file == NULL) {
        fault_add(loader->faults, option_line(root, options[TLS_CERTIFICATE]),
                  "%s needs gateway.tls.key_file beside it; name the file of the certificate's key, PEM",
                  options[TLS_CERTIFICATE]);
        return;
    }
    context = tls_context_new(settings, &part, &error);
    if (context == NULL) {
        fault_add(loader->faults, option_line(root, options[part]), "gateway.tls.%s", error.text);
        return;
    }
    check_expiry(loader, root, context);
    tls_context_free(context);
}
