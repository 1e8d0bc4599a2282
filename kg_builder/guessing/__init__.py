"""Parts of a guess at what unknown files hold, put together by `kg_builder.inference`.

samples (the first rows) → profiles (what the values of a column look like; dates) → links (ids that files share) →
evidence (what speaks for a column being one of ours; names) → guesses (what a file's rows are) → lines (rows that tell of more
than one thing) → proposals (all of it as a mapping.toml).
"""
