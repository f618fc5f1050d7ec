-- for psql, once, in a new database: who writes the mirror and who reads it
-- MIRROR_PASSWORD and READER_PASSWORD are in the environment
\getenv mirror_password MIRROR_PASSWORD
\getenv reader_password READER_PASSWORD
revoke all on schema public from public;
revoke temporary on database :DBNAME from public;

create role firsthand login password :'mirror_password';
create schema firsthand authorization firsthand;

create role grafana login password :'reader_password';
grant usage on schema firsthand to grafana;
alter default privileges for role firsthand in schema firsthand grant select on tables to grafana;
