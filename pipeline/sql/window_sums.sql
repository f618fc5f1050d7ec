-- the sums of one window; moved back for what is settled
select {span} as span, *
from internal.{window}_sums(
    epoch_us({as_of}::timestamptz) - {moved_back} - internal.span_us({span}),
    epoch_us({as_of}::timestamptz) - {moved_back},
    epoch_us({as_of}::timestamptz),
    {dims}
)
