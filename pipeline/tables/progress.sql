-- one row: the number of the last transaction, and of the last one folded into cells
create table internal.progress (
    posted bigint not null,
    folded bigint not null,
);
insert into internal.progress values (0, 0);
