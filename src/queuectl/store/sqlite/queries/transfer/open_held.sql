-- Let the first claims look at all that is held.
INSERT INTO openings (holder, at) SELECT DISTINCT held_by, 0 FROM jobs WHERE held_by LIKE 'queue:%' OR held_by LIKE 'key:%';
