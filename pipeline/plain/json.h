/* JSON as RFC 8259 has it, in UTF-8, read in one pass; anything else, and a lone surrogate, gives false.
 *
 * Every record is followed by a NUL, which JSON allows nowhere: all reading stops there, if not before, so no
 * step asks how much is left.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { DEEPEST = 32 };

typedef struct {
    const uint8_t *first;
    int32_t length, points; /* bytes and code points */
} Text;

typedef enum { ABSENT, TEXT, NUMBER, BOOLEAN, OBJECT, ARRAY } Form;

typedef struct {
    Form form; /* null is ABSENT too */
    bool named, truth;
    Text text; /* a number's too, as it is written */
} Value;

typedef struct {
    const uint8_t *at;
    uint8_t *spare; /* where texts go whose escapes are resolved: never longer than the record */
} Reader;

static void skip_space(Reader *reader) {
    while (*reader->at == ' ' || *reader->at == '\n' || *reader->at == '\r' || *reader->at == '\t') reader->at++;
}

static bool pass(Reader *reader, const char *word) {
    for (; *word; word++, reader->at++)
        if (*reader->at != (uint8_t)*word) return false;
    return true;
}

static bool follows(const uint8_t *at, int count) {
    for (int each = 1; each <= count; each++)
        if ((at[each] & 0xC0) != 0x80) return false;
    return true;
}

/* How many bytes the code point beyond ASCII has that begins here; 0 where it is not UTF-8 (RFC 3629, 4). */
static int length_of_point(const uint8_t *at) {
    if (at[0] >= 0xC2 && at[0] <= 0xDF) return follows(at, 1) ? 2 : 0;
    if (at[0] >= 0xE0 && at[0] <= 0xEF) {
        bool is_overlong = at[0] == 0xE0 && at[1] < 0xA0, is_surrogate = at[0] == 0xED && at[1] > 0x9F;
        return follows(at, 2) && !is_overlong && !is_surrogate ? 3 : 0;
    }
    if (at[0] >= 0xF0 && at[0] <= 0xF4) {
        bool is_overlong = at[0] == 0xF0 && at[1] < 0x90, is_beyond = at[0] == 0xF4 && at[1] > 0x8F;
        return follows(at, 3) && !is_overlong && !is_beyond ? 4 : 0;
    }
    return 0;
}

/* The four digits after \u; -1 where they are none. */
static int32_t read_hex(Reader *reader) {
    int32_t value = 0;
    for (int each = 0; each < 4; each++) {
        uint8_t digit = *reader->at, letter = digit | 0x20;
        if (digit >= '0' && digit <= '9') value = value * 16 + digit - '0';
        else if (letter >= 'a' && letter <= 'f') value = value * 16 + letter - 'a' + 10;
        else return -1;
        reader->at++;
    }
    return value;
}

/* The code point of \u and what belongs to it; 0 where that is none, or NUL, which the contract forbids. */
static int32_t read_unicode(Reader *reader) {
    int32_t high = read_hex(reader);
    if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) return 0;
    if (high < 0xD800 || high > 0xDBFF) return high;
    if (!pass(reader, "\\u")) return 0;
    int32_t low = read_hex(reader);
    return low >= 0xDC00 && low <= 0xDFFF ? 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00) : 0;
}

static void spare_point(Reader *reader, int32_t point) {
    if (point < 0x80) {
        *reader->spare++ = (uint8_t)point;
        return;
    }
    int more = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    *reader->spare++ = (uint8_t)(leads[more] | point >> 6 * more);
    while (more--) *reader->spare++ = (uint8_t)(0x80 | (point >> 6 * more & 0x3F));
}

static bool spare_escape(Reader *reader) {
    static const char letters[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    uint8_t letter = *reader->at;
    if (letter == 'u') {
        reader->at++;
        int32_t point = read_unicode(reader);
        if (point) spare_point(reader, point);
        return point != 0;
    }
    const char *found = letter ? strchr(letters, letter) : NULL;
    if (!found) return false;
    reader->at++;
    *reader->spare++ = (uint8_t)meant[found - letters];
    return true;
}

static bool is_bare(uint8_t byte) { return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\'; }

/* The rest of a text, from its first backslash on. */
static bool read_escaped(Reader *reader, Text *text) {
    uint8_t *first = reader->spare;
    memcpy(first, text->first, (size_t)(reader->at - text->first));
    reader->spare += reader->at - text->first;
    int32_t points = text->points;
    for (; *reader->at != '"'; points++) {
        if (is_bare(*reader->at)) {
            *reader->spare++ = *reader->at++;
        } else if (*reader->at == '\\') {
            reader->at++;
            if (!spare_escape(reader)) return false;
        } else {
            int length = length_of_point(reader->at);
            if (!length) return false;
            memcpy(reader->spare, reader->at, (size_t)length);
            reader->spare += length;
            reader->at += length;
        }
    }
    reader->at++;
    *text = (Text){first, (int32_t)(reader->spare - first), points};
    return true;
}

static bool read_text(Reader *reader, Text *text) {
    if (*reader->at != '"') return false;
    *text = (Text){++reader->at, 0, 0};
    int32_t others = 0; /* bytes of a code point beyond its first */
    for (;;) {
        while (is_bare(*reader->at)) reader->at++;
        text->length = (int32_t)(reader->at - text->first);
        text->points = text->length - others;
        if (*reader->at == '"') break;
        if (*reader->at == '\\') return read_escaped(reader, text);
        int length = length_of_point(reader->at);
        if (!length) return false;
        reader->at += length;
        others += length - 1;
    }
    reader->at++;
    return true;
}

static bool skip_digits(Reader *reader) {
    const uint8_t *first = reader->at;
    while (*reader->at >= '0' && *reader->at <= '9') reader->at++;
    return reader->at > first;
}

static bool read_number(Reader *reader, Text *text) {
    text->first = reader->at;
    if (*reader->at == '-') reader->at++;
    if (*reader->at == '0') reader->at++;
    else if (!skip_digits(reader)) return false;
    if (*reader->at == '.') {
        reader->at++;
        if (!skip_digits(reader)) return false;
    }
    if (*reader->at == 'e' || *reader->at == 'E') {
        reader->at++;
        if (*reader->at == '+' || *reader->at == '-') reader->at++;
        if (!skip_digits(reader)) return false;
    }
    text->length = text->points = (int32_t)(reader->at - text->first);
    return true;
}

/* The members of an object that are asked for, by name; `inner` are those of its member of that number. */
typedef struct Members {
    const Text *names;
    Value *values;
    int32_t count, inner_at;
    const struct Members *inner;
} Members;

static const Members NONE = {NULL, NULL, 0, -1, NULL};

static bool is_equal(Text one, Text other) {
    return one.length == other.length && !memcmp(one.first, other.first, (size_t)one.length);
}

/* Its number, or -1. Members mostly come in the order of `names`: so the search begins where one was found. */
static int32_t find(const Members *members, Text name, int32_t from) {
    for (int32_t at = from; at < members->count; at++)
        if (is_equal(members->names[at], name)) return at;
    for (int32_t at = 0; at < from; at++)
        if (is_equal(members->names[at], name)) return at;
    return -1;
}

static bool read_object(Reader *reader, const Members *members, int depth);
static bool read_array(Reader *reader, int depth);

static bool read_value(Reader *reader, Value *value, const Members *inner, int depth) {
    switch (*reader->at) {
    case '"': value->form = TEXT; return read_text(reader, &value->text);
    case '{': value->form = OBJECT; return read_object(reader, inner, depth + 1);
    case '[': value->form = ARRAY; return read_array(reader, depth + 1);
    case 'n': value->form = ABSENT; return pass(reader, "null");
    case 't': value->form = BOOLEAN; value->truth = true; return pass(reader, "true");
    case 'f': value->form = BOOLEAN; value->truth = false; return pass(reader, "false");
    default: value->form = NUMBER; return read_number(reader, &value->text);
    }
}

/* After a member or an item: is there another? -1 where neither that nor the end follows. */
static int goes_on(Reader *reader, uint8_t close) {
    skip_space(reader);
    uint8_t found = *reader->at;
    if (found != ',' && found != close) return -1;
    reader->at++;
    skip_space(reader);
    return found == ',';
}

static bool is_empty(Reader *reader, uint8_t close) {
    reader->at++;
    skip_space(reader);
    if (*reader->at != close) return false;
    reader->at++;
    return true;
}

static bool read_object(Reader *reader, const Members *members, int depth) {
    if (depth > DEEPEST) return false;
    if (is_empty(reader, '}')) return true;
    int32_t next = 0;
    int more = 1;
    while (more == 1) {
        Text name;
        if (!read_text(reader, &name)) return false;
        skip_space(reader);
        if (*reader->at != ':') return false;
        reader->at++;
        skip_space(reader);
        Value ignored, *value = &ignored;
        int32_t at = find(members, name, next);
        if (at >= 0) {
            next = at + 1;
            value = &members->values[at];
            if (value->named) return false; /* which of two equal keys counts is not this one's to say */
            value->named = true;
        }
        const Members *inner = at >= 0 && at == members->inner_at ? members->inner : &NONE;
        if (!read_value(reader, value, inner, depth)) return false;
        more = goes_on(reader, '}');
    }
    return more == 0;
}

static bool read_array(Reader *reader, int depth) {
    if (depth > DEEPEST) return false;
    if (is_empty(reader, ']')) return true;
    int more = 1;
    while (more == 1) {
        Value ignored;
        if (!read_value(reader, &ignored, &NONE, depth)) return false;
        more = goes_on(reader, ']');
    }
    return more == 0;
}
