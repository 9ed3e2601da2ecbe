-- Keep everybody from the days of a state, for the moment that a drop takes. It comes first: who retries a job locks
-- them in this order, too.
LOCK TABLE ONLY queuectl.{kept} IN ACCESS EXCLUSIVE MODE;
