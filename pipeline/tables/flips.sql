-- one row per change of an alert's state, as it was said: nothing is ever changed or taken away
-- `occurred_at` is event time, so a replay of the same events says the same; `recorded_at` is the worker's clock
create table flips (
    number bigint not null, -- in the order they were recorded, from 1
    flip varchar not null, -- the same for the same flip of any replay: an idempotency key
    alert varchar not null, -- the same from an alert's first flip to its last
    rule varchar not null,
    definition varchar, -- digest of the rule: what an earlier wording of it said is not judged by this one
    kind varchar not null, -- threshold, drop, change, silence, quality
    severity varchar not null,
    metric varchar, -- null where the rule has none
    dimension varchar not null,
    member varchar not null,
    state varchar not null, -- pending, firing, resolved, retracted
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    because varchar not null, -- one sentence for people
    since timestamptz, -- when the evidence begins: of a change, the likeliest moment of the fall
    numerator decimal(18, 3), -- the evidence: the metric over the answers from `since` to `occurred_at`
    denominator bigint,
    value double,
    low double,
    high double,
    baseline double, -- what the value was before, or the limit that was set
    false_alarm_every varchar, -- as declared: how seldom chance alone does this
    query varchar, -- SQL that gives the events of the evidence
    contributors varchar, -- JSON: [{"dimension", "member", "share"}]: who brought the most of it; share of the excess
    inhibited_by varchar, -- the alert for whose sake nobody is told of this one
    labels varchar not null, -- JSON objects, as the rule has them
    annotations varchar not null,
    notify varchar[] not null, -- the notifiers that the rule names
    revises varchar, -- the flip that this row replaces, since events came that change it
);
