# Harlequin, SQL in a terminal
# Needs: pip install harlequin==2.17.0 duckdb==1.5.5 duckdb-cli==1.5.5
# Run: sh -c "$(firsthand connect harlequin --db x.duckdb)"
firsthand connect views --db x.duckdb | duckdb cx.duckdb
harlequin --read-only cx.duckdb
