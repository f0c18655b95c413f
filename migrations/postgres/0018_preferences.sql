-- How the page looks to somebody: a JSON object of texts.
alter table ly2_users add column preferences json;
