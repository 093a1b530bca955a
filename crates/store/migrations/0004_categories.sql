-- The categories of the events of a segment, such as Management,Insight; nothing where that was not noted.
ALTER TABLE segments ADD COLUMN categories TEXT;
