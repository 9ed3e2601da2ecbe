-- Make the table of a day beside the others: `attach_day` then locks less than CREATE TABLE ... PARTITION OF would,
-- which stops whoever finishes a job.
CREATE TABLE queuectl.{day} (LIKE queuectl.{kept} INCLUDING ALL);
