create table item (id integer primary key, name text, price integer);
with recursive number(n) as (select 1 union all select n + 1 from number where n < 60000)
insert into item select n, 'item' || (n * 7919 % 10007), n * 31 % 997 from number;
create index item_name on item (name);
select count(*), sum(price) from item where name between 'item2' and 'item5';
select price, count(*) as c from item group by price order by c desc, price limit 5;
select count(*) from item a join item b on a.name = b.name and a.id < b.id where a.price < 300;
select max(length(name)), min(price) from item;
