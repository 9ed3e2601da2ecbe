-- Let what finishes on a day go into its table. Waits for whoever reads the last partition, and only for them.
ALTER TABLE queuectl.{kept} ATTACH PARTITION queuectl.{day} FOR VALUES FROM ({first}) TO ({last});
