-- Without these PostgreSQL would take hours for the queries whose subqueries name the outer row.
CREATE INDEX lineitem_by_part ON lineitem (l_partkey, l_suppkey);
CREATE INDEX orders_by_customer ON orders (o_custkey);
CREATE INDEX partsupp_by_supplier ON partsupp (ps_suppkey);
