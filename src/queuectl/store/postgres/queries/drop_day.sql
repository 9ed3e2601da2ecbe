-- Drop the table of a day, in which there is nothing any more.
DROP TABLE queuectl.{day};
