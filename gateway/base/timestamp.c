/* Reading the times that vendors write, and printing them as RFC 3339. */
#include "base/timestamp.h"

#include "base/zone.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define MILLIS_PER_DAY  INT64_C(86400000)
#define YEAR_FIRST      1970
#define YEAR_LAST       9999
#define OFFSET_MINUTES  (24 * 60) /* an offset is smaller, both ways */
#define SECONDS_DIGITS  10
#define DATE_BYTES      10 /* 2026-05-07 */

struct civil {
    int year, month, day; /* month and day from 1 */
    int hour, minute, second, milli;
};

static bool
is_leap(int year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days of the year before each month, and of the whole year. */
static const int *
days_before_months(int year)
{
    static const int days[2][13] = {
        {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365},
        {0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335, 366},
    };

    return days[is_leap(year)];
}

/* From 1970-01-01 to the first of January; years 1 and later. */
static int64_t
days_before_year(int year)
{
    int64_t past = year - 1;

    return past * 365 + past / 4 - past / 100 + past / 400 - 719162;
}

static int64_t
civil_to_seconds(const struct civil *civil)
{
    int64_t days = days_before_year(civil->year) + days_before_months(civil->year)[civil->month - 1] + civil->day - 1;

    return days * SECONDS_PER_DAY + civil->hour * INT64_C(3600) + civil->minute * INT64_C(60) + civil->second;
}

/* Local milliseconds since 1970; false when the year is not one of four digits from 1970 on. */
static bool
civil_from_ms(int64_t local_ms, struct civil *civil)
{
    if (local_ms < 0 || local_ms >= days_before_year(YEAR_LAST + 1) * MILLIS_PER_DAY) {
        return false;
    }

    int64_t days = local_ms / MILLIS_PER_DAY;
    int rest = (int)(local_ms % MILLIS_PER_DAY);
    int year = YEAR_FIRST + (int)(days / 365); /* leap days make this too late, by six years at most */
    while (days_before_year(year) > days) {
        year--;
    }
    const int *before = days_before_months(year);
    int day_of_year = (int)(days - days_before_year(year));
    int month = day_of_year / 31; /* right, or one too early */
    if (day_of_year >= before[month + 1]) {
        month++;
    }

    *civil = (struct civil){
        .year = year,
        .month = month + 1,
        .day = day_of_year - before[month] + 1,
        .hour = rest / 3600000,
        .minute = rest / 60000 % 60,
        .second = rest / 1000 % 60,
        .milli = rest % 1000,
    };
    return true;
}

static char *
put_digits(char *text, int value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        text[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return text + count;
}

static char *
put_pair(char *text, int value, char then)
{
    text = put_digits(text, value, 2);
    *text = then;
    return text + 1;
}

size_t
timestamp_format(struct timestamp timestamp, char text[TIMESTAMP_TEXT_BYTES])
{
    struct civil civil;
    int offset = timestamp.offset_minutes;
    char *end = text;

    /* Compared before it is multiplied, so that no sum overflows. */
    if (!timestamp.present || offset <= -OFFSET_MINUTES || offset >= OFFSET_MINUTES ||
        timestamp.unix_ms > INT64_MAX / 2 || timestamp.unix_ms < INT64_MIN / 2 ||
        !civil_from_ms(timestamp.unix_ms + offset * INT64_C(60000), &civil)) {
        return 0;
    }
    end = put_digits(end, civil.year, 4);
    *end++ = '-';
    end = put_pair(end, civil.month, '-');
    end = put_pair(end, civil.day, 'T');
    end = put_pair(end, civil.hour, ':');
    end = put_pair(end, civil.minute, ':');
    end = put_digits(end, civil.second, 2);
    if (timestamp.millis) {
        *end++ = '.';
        end = put_digits(end, civil.milli, 3);
    }
    *end++ = offset < 0 ? '-' : '+';
    offset = offset < 0 ? -offset : offset;
    end = put_pair(end, offset / 60, ':');
    end = put_digits(end, offset % 60, 2);
    return (size_t)(end - text);
}

struct timestamp
timestamp_from_unix_ms(int64_t unix_ms, const struct zone *zone)
{
    int64_t seconds = unix_ms / 1000 - (unix_ms % 1000 < 0);

    return (struct timestamp){
        .unix_ms = unix_ms,
        .offset_minutes = (int16_t)zone_offset_minutes(zone, seconds),
        .present = true,
        .millis = true,
    };
}

/* Exactly count digits at the head of text, which it steps over. count is small enough that nothing overflows. */
static bool
take_digits(struct slice *text, size_t count, int64_t *value)
{
    int64_t sum = 0;

    if (text->length < count) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (text->data[i] < '0' || text->data[i] > '9') {
            return false;
        }
        sum = sum * 10 + (text->data[i] - '0');
    }
    *text = slice_make(text->data + count, text->length - count);
    *value = sum;
    return true;
}

static bool
take_number(struct slice *text, size_t count, int *value)
{
    int64_t wide = 0;

    if (!take_digits(text, count, &wide)) {
        return false;
    }
    *value = (int)wide;
    return true;
}

/* '\0' stands for no character. */
static bool
take_char(struct slice *text, char character)
{
    if (character == '\0') {
        return true;
    }
    if (text->length == 0 || text->data[0] != character) {
        return false;
    }
    *text = slice_make(text->data + 1, text->length - 1);
    return true;
}

bool
timestamp_read_seconds(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    int64_t seconds = 0;

    if (text.length != SECONDS_DIGITS || !take_digits(&text, SECONDS_DIGITS, &seconds)) {
        return false;
    }
    *timestamp = timestamp_from_unix_ms(seconds * 1000, zone);
    timestamp->millis = false;
    return true;
}

bool
timestamp_read_millis(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    int64_t millis = 0;

    if (text.length != 13 || !take_digits(&text, 13, &millis)) {
        return false;
    }
    *timestamp = timestamp_from_unix_ms(millis, zone);
    return true;
}

static bool
civil_valid(const struct civil *civil)
{
    if (civil->year < YEAR_FIRST || civil->month < 1 || civil->month > 12) {
        return false;
    }
    const int *before = days_before_months(civil->year);
    return civil->day >= 1 && civil->day <= before[civil->month] - before[civil->month - 1] && civil->hour <= 23 &&
           civil->minute <= 59 && civil->second <= 59;
}

/* The date and the time to the second; separators are those inside the date, between the two, and inside the time. */
static bool
take_civil(struct slice *text, const char separators[3], struct civil *civil)
{
    *civil = (struct civil){0};
    return take_number(text, 4, &civil->year) && take_char(text, separators[0]) &&
           take_number(text, 2, &civil->month) && take_char(text, separators[0]) && take_number(text, 2, &civil->day) &&
           take_char(text, separators[1]) && take_number(text, 2, &civil->hour) && take_char(text, separators[2]) &&
           take_number(text, 2, &civil->minute) && take_char(text, separators[2]) &&
           take_number(text, 2, &civil->second) && civil_valid(civil);
}

static void
set_local(struct timestamp *timestamp, const struct civil *civil, const struct zone *zone, bool millis)
{
    int64_t seconds = civil_to_seconds(civil);
    int offset = zone_local_offset_minutes(zone, seconds);

    *timestamp = (struct timestamp){
        .unix_ms = (seconds - offset * INT64_C(60)) * 1000 + civil->milli,
        .offset_minutes = (int16_t)offset,
        .present = true,
        .millis = millis,
    };
}

bool
timestamp_read_local(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    struct civil civil;

    if (!take_civil(&text, "- :", &civil)) {
        return false;
    }
    bool millis = text.length > 0;
    if (millis && (!take_char(&text, '.') || !take_number(&text, 3, &civil.milli) || text.length > 0)) {
        return false;
    }
    set_local(timestamp, &civil, zone, millis);
    return true;
}

bool
timestamp_read_compact(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    struct civil civil;

    if (!take_civil(&text, "\0\0\0", &civil) || text.length > 0) {
        return false;
    }
    set_local(timestamp, &civil, zone, false);
    return true;
}

/* One to nine decimals; what is finer than milliseconds is cut. */
static bool
take_fraction(struct slice *text, int *milli)
{
    size_t count = 0;
    int value = 0;

    while (count < text->length && text->data[count] >= '0' && text->data[count] <= '9') {
        if (count < 3) {
            value = value * 10 + (text->data[count] - '0');
        }
        count++;
    }
    if (count == 0 || count > 9) {
        return false;
    }
    for (size_t i = count; i < 3; i++) {
        value *= 10;
    }
    *text = slice_make(text->data + count, text->length - count);
    *milli = value;
    return true;
}

/* "Z" or "+08:00", loosely also "z", "+0800" or "+08", and nothing behind it. */
static bool
take_offset(struct slice text, bool loosely, int *offset_minutes)
{
    int hours = 0, minutes = 0;

    *offset_minutes = 0;
    if (slice_is(text, "Z") || (loosely && slice_is(text, "z"))) {
        return true;
    }
    bool west = take_char(&text, '-');
    if ((!west && !take_char(&text, '+')) || !take_number(&text, 2, &hours)) {
        return false;
    }
    bool colon = take_char(&text, ':');
    if ((!colon && !loosely) || ((colon || text.length > 0) && !take_number(&text, 2, &minutes)) || text.length > 0 ||
        hours > 23 || minutes > 59) {
        return false;
    }
    *offset_minutes = west ? -(hours * 60 + minutes) : hours * 60 + minutes;
    return true;
}

static void
set_with_offset(struct timestamp *timestamp, const struct civil *civil, int offset_minutes, bool millis)
{
    *timestamp = (struct timestamp){
        .unix_ms = (civil_to_seconds(civil) - offset_minutes * INT64_C(60)) * 1000 + civil->milli,
        .offset_minutes = (int16_t)offset_minutes,
        .present = true,
        .millis = millis,
    };
}

bool
timestamp_read_rfc3339(struct slice text, struct timestamp *timestamp)
{
    struct civil civil;
    int offset = 0;

    if (!take_civil(&text, "-T:", &civil)) {
        return false;
    }
    bool millis = take_char(&text, '.');
    if ((millis && !take_fraction(&text, &civil.milli)) || !take_offset(text, false, &offset)) {
        return false;
    }
    set_with_offset(timestamp, &civil, offset, millis);
    return true;
}

bool
timestamp_read_iso8601(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    char between = text.length > DATE_BYTES ? text.data[DATE_BYTES] : 'T';
    const char separators[] = {'-', between, ':'};
    struct civil civil;
    int offset = 0;

    if ((between != 'T' && between != 't' && between != ' ') || !take_civil(&text, separators, &civil)) {
        return false;
    }
    bool millis = take_char(&text, '.') || take_char(&text, ',');
    if (millis && !take_fraction(&text, &civil.milli)) {
        return false;
    }
    if (text.length == 0 && zone != NULL) {
        set_local(timestamp, &civil, zone, millis);
        return true;
    }
    if (!take_offset(text, true, &offset)) {
        return false;
    }
    set_with_offset(timestamp, &civil, offset, millis);
    return true;
}

bool
timestamp_read_decimal_seconds(struct slice text, const struct zone *zone, struct timestamp *timestamp)
{
    int64_t seconds = 0;
    int milli = 0;

    if (!take_digits(&text, SECONDS_DIGITS, &seconds)) {
        return false;
    }
    bool millis = take_char(&text, '.');
    if ((millis && !take_fraction(&text, &milli)) || text.length > 0) {
        return false;
    }
    *timestamp = timestamp_from_unix_ms(seconds * 1000 + milli, zone);
    timestamp->millis = millis;
    return true;
}
