-- the unusual events that judge.py accepted join `decoded`, in its columns and order
insert into decoded
select
    n,
    topic,
    partition,
    "offset",
    judged.* exclude (n) replace (
        make_timestamptz(occurred_us) as occurred_us,
        (wait_s / 1000)::decimal(11, 3) as wait_s,
        (handle_s / 1000)::decimal(11, 3) as handle_s
    ),
    true as plain,
from judged
inner join arrivals using (n)
