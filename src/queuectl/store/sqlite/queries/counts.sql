-- Kept counts: a row per queue and state.
SELECT queue, state, n FROM counts WHERE n > 0;
