-- Changes one row of a hundred, all over the tables, in columns that the queries read.
UPDATE part SET p_retailprice = p_retailprice + 1 WHERE p_partkey % 100 = 7;
UPDATE supplier SET s_acctbal = s_acctbal + 1 WHERE s_suppkey % 100 = 7;
UPDATE partsupp SET ps_supplycost = ps_supplycost + 1 WHERE ps_partkey % 100 = 7;
UPDATE customer SET c_acctbal = c_acctbal + 1 WHERE c_custkey % 100 = 7;
UPDATE orders SET o_totalprice = o_totalprice + 1 WHERE o_orderkey % 100 = 7;
UPDATE lineitem SET l_quantity = l_quantity + 1, l_extendedprice = l_extendedprice + 1 WHERE l_orderkey % 100 = 7;
