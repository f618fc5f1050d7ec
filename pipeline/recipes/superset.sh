# Apache Superset
# Needs: pip install apache-superset==6.1.0 flask-caching==2.3.1 cachetools rich duckdb==1.5.5 duckdb-engine==0.17.0 duckdb-cli==1.5.5
# Run: sh -c "$(firsthand connect superset --db x.duckdb)"
# As the user that Superset runs as, and where its metadata is made already (superset db upgrade).
firsthand connect views --db x.duckdb | duckdb cx.duckdb
superset set-database-uri --database_name firsthand --uri "duckdb:///$PWD/cx.duckdb?access_mode=read_only"
# Then in Superset: Datasets, + Dataset, database firsthand, schema main, table metrics.
