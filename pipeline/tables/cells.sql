-- one row per bucket of time, dimension, member and fold: the sums of the facts of one kind posted before
-- bucket: an hour or a day of 24 hours, numbered in one row (internal.hour_bucket, internal.day_bucket)
-- member: its number of internal.names
-- fold: the transaction that summed them; 0 where the cells of several folds were summed into one
create table internal.cells_of_{counts} (
    fold bigint not null,
    bucket bigint not null,
    dim varchar not null,
    member integer not null,
    {sums},
);
