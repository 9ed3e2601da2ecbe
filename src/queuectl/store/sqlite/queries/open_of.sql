-- Let the next claim look at what some jobs have kept from starting that do not start now themselves.
UPDATE openings SET at = :now
WHERE holder IN (
    SELECT 'queue:' || queue FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs))
    UNION
    SELECT 'key:' || key FROM jobs WHERE seq IN (SELECT value FROM json_each(:seqs)) AND key IS NOT NULL
);
