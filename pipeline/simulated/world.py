"""Who and what there is in the simulated world: its channels, reasons, people and sayings.

Only tables: what happens with them stands in the other files of this folder. Weights are relative to
the others of their tuple.
"""

from typing import NamedTuple


class Desk(NamedTuple):
    """One channel as customers find it.

    `weight` by share of contacts; `wait_ms` and `handle_ms` medians, with the sigma of their
    log-normal shape; `patience_s`: the wait after which half of the callers are gone; `handlers`:
    weights of human, bot, self_service; `hours`: weights of the 24 hours (UTC), `days`: Monday first.
    """

    channel: str
    weight: int
    wait_ms: int
    wait_sigma: float
    handle_ms: int
    handle_sigma: float
    patience_s: int
    handlers: tuple[int, int, int]
    hours: tuple[int, ...]
    days: tuple[int, ...]


_OFFICE = (2, 1, 1, 1, 1, 2, 8, 25, 80, 130, 140, 130, 110, 120, 125, 115, 100, 85, 60, 30, 12, 6, 4, 3)
_SHOP = (0, 0, 0, 0, 0, 0, 0, 0, 20, 90, 120, 140, 150, 130, 130, 140, 160, 170, 130, 40, 0, 0, 0, 0)
_EVENING = (
    30,
    18,
    10,
    8,
    8,
    10,
    20,
    40,
    60,
    70,
    75,
    80,
    85,
    80,
    80,
    85,
    90,
    100,
    115,
    130,
    140,
    130,
    100,
    60,
)
_ALL_DAY = (12, 8, 6, 5, 6, 10, 25, 55, 90, 105, 105, 100, 95, 95, 95, 95, 95, 90, 85, 80, 75, 60, 40, 22)
_WEEKDAYS = (13, 11, 10, 10, 9, 3, 1)
_SHOP_DAYS = (7, 7, 8, 8, 10, 14, 1)
_EVEN_DAYS = (9, 8, 8, 8, 8, 8, 8)

DESKS = (
    Desk("phone", 36, 11_000, 1.10, 300_000, 0.60, 500, (92, 5, 3), _OFFICE, _WEEKDAYS),
    Desk("email", 21, 9_000_000, 0.90, 420_000, 0.70, 0, (94, 6, 0), _ALL_DAY, _WEEKDAYS),
    Desk("chat", 19, 22_000, 0.90, 540_000, 0.55, 420, (66, 29, 5), _ALL_DAY, _EVEN_DAYS),
    Desk("social", 8, 1_500_000, 1.00, 240_000, 0.60, 0, (96, 4, 0), _EVENING, _EVEN_DAYS),
    Desk("in_person", 8, 240_000, 0.80, 480_000, 0.60, 3_000, (96, 0, 4), _SHOP, _SHOP_DAYS),
    Desk("forum", 5, 14_400_000, 1.00, 360_000, 0.80, 0, (45, 7, 48), _EVENING, _EVEN_DAYS),
)


class Reason(NamedTuple):
    """What a contact is about.

    `hard`: percent of otherwise solved contacts that are not; `labour`: what the way costs the
    customer and `warmth`: what the person adds, both in thousandths of a standard deviation of the
    answers; `stages`: weights of awareness, pre_purchase, purchase, post_purchase.
    """

    name: str
    weight: int
    hard: int
    labour: int
    warmth: int
    stages: tuple[int, int, int, int]


REASONS = (
    Reason("billing", 17, 8, 100, 0, (0, 1, 9, 90)),
    Reason("delivery", 14, 10, 100, 0, (0, 1, 14, 85)),
    Reason("login", 11, 4, 150, 0, (2, 8, 20, 70)),
    Reason("order_status", 10, 2, -150, 100, (0, 2, 38, 60)),
    Reason("technical_fault", 9, 18, 350, 0, (0, 2, 5, 93)),
    Reason("refund", 7, 14, 300, -100, (0, 0, 10, 90)),
    Reason("product_question", 7, 2, -250, 200, (20, 60, 15, 5)),
    Reason("returns", 5, 6, 200, 0, (0, 0, 8, 92)),
    Reason("contract", 4, 6, 150, 0, (1, 14, 40, 45)),
    Reason("cancellation", 4, 8, 900, 350, (0, 2, 13, 85)),  # kindly asked to stay, form by form
    Reason("account_change", 4, 2, -50, 50, (0, 4, 26, 70)),
    Reason("warranty", 3, 12, 1000, 450, (0, 1, 4, 95)),  # friendly people, a laborious proof
    Reason("installation", 3, 10, 250, 150, (0, 5, 35, 60)),
    Reason("appointment", 2, 4, 0, 100, (5, 30, 25, 40)),
    Reason("complaint", 2, 22, 300, -250, (1, 3, 16, 80)),
    Reason("data_privacy", 1, 5, 400, 0, (3, 17, 20, 60)),
)


class Segment(NamedTuple):
    """A persona: its weight, and in percent how much it likes each of DESKS."""

    name: str
    weight: int
    likes: tuple[int, ...]


SEGMENTS = (
    Segment("family", 30, (100, 100, 100, 90, 120, 80)),
    Segment("professional", 22, (90, 150, 110, 70, 40, 90)),
    Segment("senior", 16, (170, 70, 30, 10, 200, 20)),
    Segment("student", 14, (45, 70, 180, 220, 50, 190)),
    Segment("small_business", 11, (140, 120, 70, 50, 50, 60)),
    Segment("newcomer", 7, (90, 80, 140, 130, 110, 140)),
)


class Team(NamedTuple):
    """A team: how many agents it has, and the channels it answers."""

    name: str
    agents: int
    channels: tuple[str, ...]


TEAMS = (
    Team("phone-day", 22, ("phone",)),
    Team("phone-late", 14, ("phone",)),
    Team("phone-care", 8, ("phone", "email")),
    Team("mail-room", 14, ("email",)),
    Team("chat-first", 16, ("chat",)),
    Team("community", 9, ("social", "forum")),
    Team("store-north", 7, ("in_person",)),
    Team("store-south", 6, ("in_person",)),
)

PRAISE = (
    "Thanks a lot!",
    "Quick and friendly, exactly what I hoped for.",
    "Solved in one call.",
    "Sehr freundlich, vielen Dank für die schnelle Hilfe!",
    "Merci beaucoup, problème réglé en cinq minutes.",
    "¡Muy amable, todo solucionado!",
    'She said "leave it to me" and kept her word.',
    "とても親切でした。ありがとうございます。",
    "Great service 👍",
    "I did not have to explain anything twice.",
    "Świetna obsługa, polecam.",
    "The link in the mail worked at once.",
)
SHRUGS = (
    "It was all right.",
    "Fine, but the menu is confusing.",
    "Took a while, worked in the end.",
    "Freundlich, aber ich musste alles zweimal erklären.",
    "Correct, sans plus.",
    "Kind person, far too many forms.",
    "Ho dovuto aspettare un po', poi tutto bene.",
    "No strong opinion.",
    'The page says "24 h", it was two days.',
    "Ok.",
    "Nice colleague; the process is not.",
    "Mă așteptam la un răspuns mai clar.",
)
GRIPES = (
    "Still not solved.",
    "Third time I call about the same thing!",
    "Nobody feels responsible.",
    "Ewig in der Warteschleife, dann aufgelegt worden.",
    "J'attends toujours une réponse.",
    "Passed from one department to the next.",
    'I was told "tomorrow", that was last week.',
    "La factura sigue mal.",
    "全然解決していません。",
    "The bot does not understand a word \\ and loops.",
    "Worst hotline ever, 40 minutes of music.",
    "Nunca más.",
)
