"""The Kafka key of an event that is sent as it stands."""

import msgspec

_customer = msgspec.json.Decoder(dict[str, msgspec.Raw])


def key_of(value: bytes) -> bytes | None:
    """`data.customer_id` as the record's key where it can be read, else None.

    >>> key_of(b'{"data":{"customer_id":"c1"}}'), key_of(b"not json")
    (b'c1', None)
    """
    try:
        data = _customer.decode(_customer.decode(value)["data"])
        customer_id = msgspec.json.decode(data["customer_id"], type=str)
    except (msgspec.DecodeError, KeyError, RecursionError, UnicodeDecodeError):
        return None
    return customer_id.encode() or None
