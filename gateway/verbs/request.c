/* How --method, --query and --header are read: what would break the request's head is refused. */
#include "verbs/request.h"

#include <ctype.h>
#include <stdio.h>

#define METHOD_BYTES 32

static bool
fault(const char *verb, const char *text)
{
    fprintf(stderr, "trunkline %s: %s; `trunkline %s --help` tells the options\n", verb, text, verb);
    return false;
}

/* RFC 9110's token. */
static bool
is_token(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (!isalnum((unsigned char)text[i]) && (text[i] == '\0' || strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)) {
            return false;
        }
    }
    return length > 0;
}

static bool
is_printable(const char *text, bool with_spaces)
{
    for (; *text != '\0'; text++) {
        bool space = *text == ' ' || *text == '\t';

        if (space ? !with_spaces : iscntrl((unsigned char)*text) != 0) {
            return false;
        }
    }
    return true;
}

static bool
take_method(struct request *request, const char *verb, const char *value)
{
    request->method = slice_from(value);
    return (is_token(value, request->method.length) && request->method.length <= METHOD_BYTES) ||
           fault(verb, "--method takes a method like GET");
}

static bool
take_query(struct request *request, const char *verb, const char *value)
{
    request->query = slice_from(*value == '?' ? value + 1 : value);
    return is_printable(value, false) || fault(verb, "--query takes a query as it is sent, like a=1&b=two%20words");
}

static bool
take_header(struct request *request, const char *verb, char *value)
{
    char *colon = strchr(value, ':');
    char *text = colon == NULL ? NULL : colon + 1 + strspn(colon + 1, " \t");

    if (colon == NULL || !is_token(value, (size_t)(colon - value)) || !is_printable(text, true)) {
        return fault(verb, "--header takes NAME:VALUE");
    }
    if (request->field_count == REQUEST_FIELDS_MAX) {
        return fault(verb, "--header was given too often");
    }
    *colon = '\0';
    for (char *at = value; at < colon; at++) {
        *at = (char)tolower((unsigned char)*at);
    }
    request->fields[request->field_count++] = (struct record_header){slice_from(value), slice_from(text)};
    return true;
}

bool
request_take(struct request *request, const char *verb, int option, char *value)
{
    switch (option) {
    case OPTION_METHOD:
        return take_method(request, verb, value);
    case OPTION_QUERY:
        return take_query(request, verb, value);
    case OPTION_HEADER:
        return take_header(request, verb, value);
    default:
        return false;
    }
}

bool
request_has_field(const struct request *request, struct slice name)
{
    for (size_t i = 0; i < request->field_count; i++) {
        if (slice_is_nocase(name, request->fields[i].name.data)) {
            return true;
        }
    }
    return false;
}

bool
request_has_body(const struct request *request)
{
    return !slice_is(request->method, "GET") && !slice_is(request->method, "HEAD");
}
