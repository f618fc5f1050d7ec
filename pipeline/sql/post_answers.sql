-- surveys and invitations count once they have happened: {table} takes those with visible_us {known}
insert into internal.{table}
    (posted, occurred_us, visible_us, sign, kind, {dimensions}, csat, effort, nps, friendliness, resolved)
select
    (select posted from internal.progress),
    occurred_us,
    visible_us,
    sign,
    if(type = 'touchpoint.survey.v1', 'survey', 'invitation'),
    {dimensions},
    csat, effort, nps, friendliness, resolved,
from answered
where visible_us {known} occurred_us
