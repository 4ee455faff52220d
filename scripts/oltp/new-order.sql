\set customer random(1, 30000)
\set first random(1, 10000)
\set second random(1, 10000)
\set quantity random(1, 5)
BEGIN;
INSERT INTO orders (customer_id) VALUES (:customer) RETURNING id AS order_id \gset
INSERT INTO order_line VALUES (:order_id, 1, :first, :quantity, 9.99), (:order_id, 2, :second, 1, 19.99);
UPDATE product SET stock = stock - :quantity WHERE id = :first RETURNING stock;
INSERT INTO sales VALUES (:first, current_date, :quantity)
  ON CONFLICT (product_id, day) DO UPDATE SET quantity = sales.quantity + excluded.quantity;
COMMIT;
