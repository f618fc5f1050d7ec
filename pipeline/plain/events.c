/* The events that are plainly right, read from JSON straight into columns; events.py calls it.
 *
 * What is taken is JSON as RFC 8259 has it, in UTF-8, whose every field has its type and limits. A record
 * that is wrong, or only unusual (equal keys, a signed number, deep nesting), is passed over: judge.py settles
 * it. Which fields there are is handed in, from fields.py. Nothing is allocated: room.py makes what is written
 * to as large as the longest case needs.
 */
#include "json.h"
#include "values.h"

#ifndef SOURCES
#define SOURCES "unknown"
#endif
const char sources[65] = SOURCES; /* the digest of what this was compiled from */

enum { TYPES = 8, FIELDS = 64 }; /* at most; structures.py */

typedef enum { TEXT_FIELD, CHOICE_FIELD, INTEGER_FIELD, SECONDS_FIELD, BOOLEAN_FIELD } Kind;

typedef struct {
    int32_t kind, is_named;           /* named: its texts repeat, and go among the words */
    int32_t read_by, required_by;     /* event types, as bits */
    int32_t choice_count, default_at; /* which choice stands where it is absent; -1: none */
    int64_t low, high;
    const Text *choices;
} Field;

/* Where a column goes: a row's value, below 0 for an absent one; of texts, the end of each and their bytes. */
typedef struct {
    void *values;
    uint8_t *bytes;
    uint8_t *present;
} Column;

/* Texts that repeat, each once, numbered from 1 as they come: `slots` is a hash table of the numbers. */
typedef struct {
    uint32_t *slots;
    int32_t *ends;
    uint8_t *bytes;
    uint64_t mask, seed;
    int32_t count;
} Words;

typedef struct {
    const Text *types, *absent_texts; /* event types; texts that mean absent */
    int32_t type_count, absent_count;
    int64_t longest_identity;
    const Text *names; /* of the fields */
    const Field *fields;
    int32_t field_count, longest_record;
    uint64_t any_of[TYPES]; /* by event type the fields, as bits, of which one must be present; 0: none */
    int64_t first_us, last_us;
} Rules;

typedef struct {
    int32_t *numbers; /* of the records */
    int8_t *types;
    int64_t *moments;
    int32_t *sources;
    Column ids;
    Column *fields;
    Words words;
} Columns;

enum { SPECVERSION, ID, SOURCE, TYPE, TIME, DATA, ENVELOPE };
#define NAME(text) {(const uint8_t *)text, sizeof text - 1, sizeof text - 1}
static const Text ENVELOPE_NAMES[ENVELOPE] = {NAME("specversion"), NAME("id"),   NAME("source"),
                                              NAME("type"),        NAME("time"), NAME("data")};
static const Text VERSION = NAME("1.0");

static int32_t position(const Text *texts, int32_t count, Text text) {
    for (int32_t at = 0; at < count; at++)
        if (is_equal(texts[at], text)) return at;
    return -1;
}

static bool is_text(const Value *value, int64_t low, int64_t high) {
    return value->form == TEXT && value->text.points >= low && value->text.points <= high;
}

/* A field's value as a whole number; of a choice, which it is. */
static bool read_whole(const Field *field, const Value *value, int64_t *found) {
    int64_t digits;
    int32_t decimals;
    switch (field->kind) {
    case CHOICE_FIELD:
        *found = value->form == TEXT ? position(field->choices, field->choice_count, value->text) : -1;
        return *found >= 0;
    case BOOLEAN_FIELD: *found = value->truth; return value->form == BOOLEAN;
    default: break;
    }
    if (value->form != NUMBER || !read_decimal(value->text, &digits, &decimals)) return false;
    bool is_integer = field->kind == INTEGER_FIELD;
    *found = is_integer ? digits : thousandths(digits, decimals);
    if (is_integer && decimals) return false;
    int64_t units = digits / POWERS[decimals];
    return units >= field->low && (units < field->high || (units == field->high && digits % POWERS[decimals] == 0));
}

/* Are the fields that the type reads as they must be? `wholes` takes what is no text. */
static bool are_right(const Rules *rules, int32_t type, Value *values, int64_t *wholes) {
    uint64_t present = 0;
    for (int32_t at = 0; at < rules->field_count; at++) {
        const Field *field = &rules->fields[at];
        Value *value = &values[at];
        if (!(field->read_by >> type & 1)) {
            value->form = ABSENT;
            continue;
        }
        bool is_free = field->kind == TEXT_FIELD;
        if (is_free && value->form == TEXT && position(rules->absent_texts, rules->absent_count, value->text) >= 0)
            value->form = ABSENT;
        if (value->form == ABSENT) {
            if (field->required_by >> type & 1) return false;
            wholes[at] = field->default_at;
            continue;
        }
        if (is_free ? !is_text(value, field->low, field->high) : !read_whole(field, value, &wholes[at])) return false;
        present |= (uint64_t)1 << at;
    }
    return !rules->any_of[type] || (present & rules->any_of[type]);
}

static bool is_right_envelope(const Rules *rules, const Value *envelope) {
    return envelope[SPECVERSION].form == TEXT && is_equal(envelope[SPECVERSION].text, VERSION) &&
           is_text(&envelope[ID], 1, rules->longest_identity) &&
           is_text(&envelope[SOURCE], 1, rules->longest_identity) && envelope[TYPE].form == TEXT &&
           envelope[TIME].form == TEXT && envelope[DATA].form == OBJECT;
}

static uint64_t hash(Text text, uint64_t seed) {
    uint64_t mixed = seed ^ (uint64_t)text.length;
    for (int32_t at = 0; at < text.length; at++) {
        mixed = (mixed ^ text.first[at]) * 0x9E3779B97F4A7C15u;
        mixed ^= mixed >> 29;
    }
    return mixed ^ mixed >> 32;
}

static int32_t number_of(Words *words, Text text) {
    for (uint64_t at = hash(text, words->seed) & words->mask;; at = (at + 1) & words->mask) {
        uint32_t number = words->slots[at];
        if (!number) {
            int32_t first = words->ends[words->count++];
            memcpy(words->bytes + first, text.first, (size_t)text.length);
            words->ends[words->count] = first + text.length;
            words->slots[at] = (uint32_t)words->count;
            return words->count;
        }
        int32_t first = words->ends[number - 1], length = words->ends[number] - first;
        if (length == text.length && !memcmp(words->bytes + first, text.first, (size_t)length)) return (int32_t)number;
    }
}

static void put_text(Column *column, int64_t row, const Value *value) {
    int32_t *ends = column->values, end = ends[row];
    bool is_present = value->form == TEXT;
    if (is_present) {
        memcpy(column->bytes + end, value->text.first, (size_t)value->text.length);
        end += value->text.length;
    }
    ends[row + 1] = end;
    if (column->present) column->present[row] = is_present;
}

static void put(const Field *field, Column *column, int64_t row, const Value *value, int64_t found, Words *words) {
    if (field->is_named)
        ((int32_t *)column->values)[row] = value->form == TEXT ? number_of(words, value->text) : 0;
    else if (field->kind == TEXT_FIELD)
        put_text(column, row, value);
    else if (field->kind == SECONDS_FIELD)
        ((int64_t *)column->values)[row] = found;
    else
        ((int8_t *)column->values)[row] = (int8_t)found;
}

/* The type of an event whose envelope is right and whose moment is not too late; -1 of any other. */
static int32_t read_envelope(const Rules *rules, const Value *envelope, int64_t latest, int64_t *moment) {
    if (!is_right_envelope(rules, envelope) || !read_moment(envelope[TIME].text, moment)) return -1;
    if (*moment > latest || *moment < rules->first_us || *moment > rules->last_us) return -1;
    return position(rules->types, rules->type_count, envelope[TYPE].text);
}

static bool is_one_object(Reader *reader, const uint8_t *end, const Members *members) {
    skip_space(reader);
    if (*reader->at != '{' || !read_object(reader, members, 0)) return false;
    skip_space(reader);
    return reader->at == end;
}

/* Of `count` records, which end (before their NUL) at `ends`, those that are plainly right, as rows of `out`;
 * how many. `latest` are the latest moments that they may name. `spare` has room for the longest record.
 */
int64_t read_plain(const Rules *rules, const uint8_t *const *records, const int64_t *lengths,
                   const int64_t *latest, int64_t count, uint8_t *spare, Columns *out) {
    static const Value absent = {.form = ABSENT};
    Value envelope[ENVELOPE], values[FIELDS];
    int64_t wholes[FIELDS], row = 0;
    const Members data = {rules->names, values, rules->field_count, -1, NULL};
    const Members members = {ENVELOPE_NAMES, envelope, ENVELOPE, DATA, &data};
    for (int64_t number = 0; number < count; number++) {
        if (lengths[number] > rules->longest_record) continue;
        for (int32_t at = 0; at < ENVELOPE; at++) envelope[at] = absent;
        for (int32_t at = 0; at < rules->field_count; at++) values[at] = absent, wholes[at] = -1;
        Reader reader = {records[number], spare};
        if (!is_one_object(&reader, records[number] + lengths[number], &members)) continue;
        int32_t type = read_envelope(rules, envelope, latest[number], &out->moments[row]);
        if (type < 0 || !are_right(rules, type, values, wholes)) continue;
        out->numbers[row] = (int32_t)number;
        out->types[row] = (int8_t)type;
        out->sources[row] = number_of(&out->words, envelope[SOURCE].text);
        put_text(&out->ids, row, &envelope[ID]);
        for (int32_t at = 0; at < rules->field_count; at++)
            put(&rules->fields[at], &out->fields[at], row, &values[at], wholes[at], &out->words);
        row++;
    }
    return row;
}
