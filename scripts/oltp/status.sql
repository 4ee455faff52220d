\set customer random(1, 30000)
\set first random(1, 59990)
SELECT id, placed_at, state FROM orders WHERE customer_id = :customer ORDER BY id DESC LIMIT 10;
SELECT number, product_id, quantity, price FROM order_line WHERE order_id BETWEEN :first AND :first + 4 ORDER BY order_id, number;
SELECT email, balance FROM customer WHERE id = :customer;
