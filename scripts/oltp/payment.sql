\set customer random(1, 30000)
\set amount random(1, 500)
UPDATE customer SET balance = balance + :amount, seen_at = now() WHERE id = :customer RETURNING balance;
