-- one row per record of `raw` (n, value, timestamp_ms): its columns, and whether it is `plain`
--
-- Plain: certainly an accepted event, found set-wise. Everything else, broken or only unusual, goes to
-- judge.py, which knows the reasons; so a rule may err here towards `not plain`, never the other way.
-- (So lengths are taken in bytes: never less than in code points, and free.)
-- Whether `value` is strict JSON was settled before. json_transform unquotes texts, so a text that could
-- be a number, a literal or a container is looked at again by its JSON type.
create or replace temp table decoded as
with parsed as materialized (
    select
        n,
        value,
        timestamp_ms,
        json_transform(value, '{structure}') as event,
    from raw
),

flat as (
    select
        n,
        value,
        timestamp_ms,
        event.specversion as specversion,
        event.id as id,
        event.source as source,
        event.type as type,
        event.type = '{contact}' as is_contact,
        event.type = '{survey}' as is_survey,
        case
            when regexp_full_match(
                event.time,
                '[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?'
                || '([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])'
            ) then try_cast(event.time as timestamptz)
        end as occurred_at,
        {data_columns}
    from parsed
)

select
    n,
    source,
    id,
    type,
    occurred_at,
    {stored_columns}
    coalesce(
        specversion = '1.0'
        and strlen(id) between 1 and {identity_length}
        and strlen(source) between 1 and {identity_length}
        and type in ({types})
        and occurred_at is not null
        and year(occurred_at) between 1 and 9999
        and not coalesce(epoch_us(occurred_at) > timestamp_ms * 1000 + {future_us}, false)
        {rules}
        and not contains(value, '\u0000')
        and (
            starts_with(value, '{"specversion":"1.0"') and not ({doubtful})
            or list_bool_and([
                kind in ('VARCHAR', 'NULL')
                for kind in json_type(value, [{text_paths}])
                if kind is not null
            ])
        ),
        false
    ) as plain,
from flat
