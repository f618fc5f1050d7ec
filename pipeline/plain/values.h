/* What texts and numbers of JSON say: exact decimals, and moments in time. Include json.h before it. */
enum { MOST_DIGITS = 15 };

static const int64_t POWERS[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000,
                                 10000000000, 100000000000, 1000000000000, 10000000000000, 100000000000000,
                                 1000000000000000};

/* A number without sign and exponent, as digits and how many of them are decimals; false for any other. */
static bool read_decimal(Text text, int64_t *digits, int32_t *decimals) {
    if (text.length > MOST_DIGITS + 1) return false;
    *digits = *decimals = 0;
    bool is_past_point = false;
    for (int32_t at = 0; at < text.length; at++) {
        uint8_t byte = text.first[at];
        if (byte == '.') {
            is_past_point = true;
        } else if (byte >= '0' && byte <= '9') {
            *digits = *digits * 10 + byte - '0';
            *decimals += is_past_point;
        } else {
            return false;
        }
    }
    return text.length - is_past_point <= MOST_DIGITS;
}

/* digits / 10^decimals in thousandths; an exact half goes to the even one, as in judge.py. */
static int64_t thousandths(int64_t digits, int32_t decimals) {
    if (decimals <= 3) return digits * POWERS[3 - decimals];
    int64_t unit = POWERS[decimals - 3], whole = digits / unit, rest = digits % unit;
    return whole + (2 * rest > unit || (2 * rest == unit && whole % 2));
}

static int32_t two_digits(const uint8_t *at) {
    bool are_digits = at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9';
    return are_digits ? (at[0] - '0') * 10 + at[1] - '0' : 1000;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; years are counted from March. */
static int64_t days_of(int32_t year, int32_t month, int32_t day) {
    int64_t since_march = (month + 9) % 12, full = year - (month <= 2);
    return 365 * full + full / 4 - full / 100 + full / 400 + (153 * since_march + 2) / 5 + day - 1 - 719468;
}

static bool is_day(int32_t year, int32_t month, int32_t day) {
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1) return false;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= lengths[month - 1] + (month == 2 && is_leap);
}

/* Microseconds from the fraction at *at, which is moved past it; digits beyond the sixth are cut off. */
static int64_t read_fraction(const uint8_t **at, const uint8_t *end) {
    int64_t us = 0;
    int count = 0;
    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++, count++)
        if (count < 6) us = us * 10 + **at - '0';
    if (!count) return -1;
    return count < 6 ? us * POWERS[6 - count] : us;
}

/* Seconds that the local time is ahead, from what follows it to the end; false where that is no offset. */
static bool read_offset(const uint8_t *at, const uint8_t *end, int32_t *ahead) {
    *ahead = 0;
    if (end - at == 1) return *at == 'Z' || *at == 'z';
    if (end - at != 6 || (*at != '+' && *at != '-') || at[3] != ':') return false;
    int32_t hours = two_digits(at + 1), minutes = two_digits(at + 4);
    *ahead = (hours * 60 + minutes) * (*at == '-' ? -60 : 60);
    return hours < 24 && minutes < 60;
}

/* An RFC 3339 time in microseconds from 1970-01-01T00:00:00Z; the same as rfc3339.instant. */
static bool read_moment(Text text, int64_t *us) {
    const uint8_t *at = text.first, *end = at + text.length;
    if (text.length < 20 || at[4] != '-' || at[7] != '-' || (at[10] | 0x20) != 't' || at[13] != ':' || at[16] != ':')
        return false;
    int32_t century = two_digits(at), year = two_digits(at + 2), month = two_digits(at + 5), day = two_digits(at + 8);
    int32_t hour = two_digits(at + 11), minute = two_digits(at + 14), second = two_digits(at + 17), ahead;
    if (century > 99 || year > 99 || !is_day(100 * century + year, month, day)) return false;
    if (hour > 23 || minute > 59 || second > 59) return false;
    int64_t fraction = 0;
    at += 19;
    if (*at == '.') {
        at++;
        fraction = read_fraction(&at, end);
    }
    if (fraction < 0 || !read_offset(at, end, &ahead)) return false;
    int64_t days = days_of(100 * century + year, month, day);
    *us = (((days * 24 + hour) * 60 + minute) * 60 + second - ahead) * 1000000 + fraction;
    return true;
}
