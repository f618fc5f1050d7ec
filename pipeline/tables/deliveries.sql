-- one row per flip and notifier that is to be told of it: an alert's later flips only where the first was
create table internal.deliveries (
    notifier varchar not null,
    number bigint not null, -- of `flips`
    flip varchar not null,
    alert varchar not null,
    state varchar not null, -- the flip's: firing, resolved, retracted
    grouped varchar not null, -- JSON: the labels by which it is put with others into one message
    stage varchar not null, -- held (inhibited or silenced), waiting, told, failed (refused for good)
    latest boolean not null, -- of this alert
    answered_at timestamptz, -- when the notifier last answered: took it, or refused it
    error varchar, -- why it was refused
);
