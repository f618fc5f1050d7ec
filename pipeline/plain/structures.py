"""The structures of events.c, member by member."""

from ctypes import POINTER, Structure, c_char_p, c_int32, c_int64, c_uint64, c_void_p

MOST_TYPES, MOST_FIELDS = 8, 64


class Text(Structure):
    """UTF-8, its bytes and code points counted."""

    _fields_ = (("first", c_char_p), ("length", c_int32), ("points", c_int32))


class Field(Structure):
    """What a field of data must be."""

    _fields_ = (
        *((each, c_int32) for each in ("kind", "is_named", "read_by", "required_by")),
        *((each, c_int32) for each in ("choice_count", "default_at")),
        ("low", c_int64),
        ("high", c_int64),
        ("choices", POINTER(Text)),
    )


class Rules(Structure):
    """What an event must be."""

    _fields_ = (
        ("types", POINTER(Text)),
        ("absent_texts", POINTER(Text)),
        ("type_count", c_int32),
        ("absent_count", c_int32),
        ("longest_identity", c_int64),
        ("names", POINTER(Text)),
        ("fields", POINTER(Field)),
        ("field_count", c_int32),
        ("longest_record", c_int32),
        ("any_of", c_uint64 * MOST_TYPES),
        ("first_us", c_int64),
        ("last_us", c_int64),
    )


class Column(Structure):
    """Where the values of a column go."""

    _fields_ = (("values", c_void_p), ("bytes", c_void_p), ("present", c_void_p))


class Words(Structure):
    """Where texts go that repeat."""

    _fields_ = (
        ("slots", c_void_p),
        ("ends", c_void_p),
        ("bytes", c_void_p),
        ("mask", c_uint64),
        ("seed", c_uint64),
        ("count", c_int32),
    )


class Columns(Structure):
    """Where everything goes."""

    _fields_ = (
        ("numbers", c_void_p),
        ("types", c_void_p),
        ("moments", c_void_p),
        ("sources", c_void_p),
        ("ids", Column),
        ("fields", POINTER(Column)),
        ("words", Words),
    )
