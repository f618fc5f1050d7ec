-- scalar macros: the definitions' settings, and arithmetic on time and on sums
-- times are microseconds since 1970, so that no session time zone can move a window's edge

create or replace macro internal.follow_up_us() as {follow_up_us}::bigint;
create or replace macro internal.service_level_ms() as {service_level_ms}::bigint;

-- hours and days are numbered from 0001-01-01, so that integer division is a floor
create or replace macro internal.hour_of(us) as (us + 62135596800000000) // 3600000000;
create or replace macro internal.hour_start(hour) as hour * 3600000000 - 62135596800000000;

-- hours and days in one numbering, for cells of both: a day stands behind its first hour
create or replace macro internal.hour_bucket(hour) as 2 * hour;
create or replace macro internal.day_bucket(day) as 48 * day + 1;

-- '15m', '1h', '7d' as microseconds; a day is 24 hours in every zone
create or replace macro internal.span_us(span) as
    case
        when not coalesce(regexp_full_match(span, '[1-9][0-9]{0,6}[mhd]'), false)
            then error('span: a positive whole number below 10000000 and m, h or d is asked (15m, 1h, 7d)')
        else left(span, -1)::bigint
            * case right(span, 1) when 'm' then 60000000 when 'h' then 3600000000 else 86400000000 end
    end;

create or replace macro internal.known_dimension(dimension) as
    case
        when dimension in ({dimension_names}) then dimension
        else error('dimension: one of all, channel, reason, agent, team, segment, stage is asked')
    end;

-- the one dimension that metrics_at is asked for; looks at the span too, since a filter on an empty
-- window may never be evaluated and a wrong question must not look like an empty answer
create or replace macro internal.asked(span, dimension) as
    [if(internal.span_us(span) > 0, internal.known_dimension(dimension), null)];

-- Wilson score interval of a share, z = 1.96 (Wilson 1927; no continuity correction); null where it is
-- none: an empty denominator, or more hits than tries
create or replace macro internal.wilson(hits, tries, side) as
    case when tries > 0 and hits <= tries then
        (hits + 1.96 * 1.96 / 2 + side * 1.96 * sqrt(hits * (tries - hits)::double / tries + 1.96 * 1.96 / 4))
        / (tries + 1.96 * 1.96)
    end;

-- an interval's bound may miss the value it surrounds by the last bit of a double, and must not
create or replace macro internal.at_most(bound, value) as if(bound > value, value, bound);
create or replace macro internal.at_least(bound, value) as if(bound < value, value, bound);

-- z times the standard error of a mean from exact sums: sample standard deviation (n - 1) / sqrt(n)
create or replace macro internal.mean_margin(total, squares, n) as
    case when n > 1 then
        1.96 * sqrt((n::hugeint * squares - total::hugeint * total)::double / (n - 1)) / n
    end;
