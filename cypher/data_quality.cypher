// What the graph does not know: how many products lack what a model would like to read.
MATCH (p:Product)
WITH p,
     EXISTS { MATCH (p)-[:IN_CATEGORY]->(:Category) } AS has_category,
     EXISTS { MATCH (p)-[:MADE_BY]->(:Brand) } AS has_brand,
     EXISTS { MATCH (p)<-[:BOUGHT|INTERACTED|ABOUT]-() } AS was_chosen
RETURN coalesce(p.listed, false) AS listed,
       count(*) AS products,
       sum(CASE WHEN p.title IS NULL THEN 1 ELSE 0 END) AS without_title,
       sum(CASE WHEN p.description IS NULL THEN 1 ELSE 0 END) AS without_description,
       sum(CASE WHEN p.price IS NULL THEN 1 ELSE 0 END) AS without_price,
       sum(CASE WHEN has_category THEN 0 ELSE 1 END) AS without_category,
       sum(CASE WHEN has_brand THEN 0 ELSE 1 END) AS without_brand,
       sum(CASE WHEN was_chosen THEN 0 ELSE 1 END) AS never_chosen
ORDER BY listed DESC
