-- one row per message that a notifier has not taken yet: the same message, under the same key, at each try
create table internal.outbox (
    notifier varchar not null,
    key varchar not null, -- the flip's id, or what several flips have in its place: the idempotency key
    grouped varchar not null, -- no second message of the group is made before this one is off
    numbers bigint[] not null, -- the flips that it tells, of `flips`
    also bigint[] not null, -- alerts of the group that still fire, by the flips that were told before
    attempts integer not null,
    next_attempt timestamptz,
    error varchar,
);
