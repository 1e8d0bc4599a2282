// A category with everything below it, down to four levels, and how many products each holds itself.
// A category's id is its whole path, so the order of ids is the order of the tree.
// :param category => "Magazine Subscriptions"
MATCH (c:Category)-[:CHILD_OF*0..4]->(top:Category {id: $category})
RETURN c.id AS category,
       c.name AS name,
       COUNT { MATCH (:Product)-[:IN_CATEGORY]->(c) } AS products
ORDER BY category
