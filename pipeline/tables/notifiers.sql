-- one row per notifier that was ever told of alerts: how far it has looked through `flips`, and how it is
create table internal.notifiers (
    notifier varchar not null,
    taken bigint not null, -- flips up to this number were looked at
    failures integer not null, -- in a row
    next_attempt timestamptz, -- not before this; null if it takes what it is sent
    error varchar, -- why it did not take the last message
);
