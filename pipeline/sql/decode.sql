-- one row per record of `raw` (value, timestamp_ms and coordinates): its columns, and whether it is `plain`
--
-- The records of `raw` are plainly right by plain.py: strict JSON, every field of its type and within
-- its limits. What that cannot see is looked at here, erring to not plain: such records go to judge.py.
create or replace temp table decoded as
with parsed as (
    select
        raw.* exclude (value, is_tombstone),
        contains(value, '\u0000') as has_nul,
        json_transform(value, '{structure}') as event,
    from raw
),

flat as (
    select
        n,
        topic,
        partition,
        "offset",
        timestamp_ms,
        has_nul,
        event.source as source,
        event.id as id,
        event.type as type,
        event.type = '{contact}' as is_contact,
        event.type = '{survey}' as is_survey,
        event.time as time_text,
        try_cast(event.time as timestamptz) as occurred_at,
        {data_columns}
    from parsed
)

select
    n,
    topic,
    partition,
    "offset",
    source,
    id,
    type,
    occurred_at,
    {stored_columns}
    coalesce(
        not has_nul
        -- RFC 3339 to the microsecond: of what msgspec lets pass, a space for the T, an offset without a
        -- colon and digits past the sixth are still to be told
        and case
            when ends_with(time_text, 'Z') and time_text[11] = 'T' then strlen(time_text) <= 27
            else regexp_full_match(time_text, '.{10}[Tt].{8}([.][0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})')
        end
        and year(occurred_at) between 1 and 9999
        and not coalesce(epoch_us(occurred_at) > timestamp_ms * 1000 + {future_us}, false)
        -- a text that means absent is no value of a required field
        {required}
        and (not is_survey or coalesce({answers}) is not null),
        false
    ) as plain,
from flat
