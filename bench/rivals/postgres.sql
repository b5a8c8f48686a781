-- What a chain would write: a balance a member, a ledger row a command, the command's
-- id and the receipt's number unique. A repeated id gets its first answer again.
create table member (
    no      integer primary key,
    card    text    not null unique,
    balance bigint  not null check (balance >= 0)
) with (fillfactor = 70);

create table ledger (
    id         text        primary key,
    member     integer     not null,
    store      text        not null,
    till       text        not null,
    receipt_no text        not null,
    day        date        not null default current_date,
    amount     bigint      not null,
    points     bigint      not null,
    balance    bigint      not null,
    at         timestamptz not null default now(),
    unique (store, till, receipt_no, day)
);

-- One command: points for a purchase of amount (1 %), or points spent.
create function do_one(_id text, _card text, _store text, _till text, _receipt_no text, _amount bigint, _points bigint,
                       out points bigint, out balance bigint, out replayed boolean)
language plpgsql as $$
declare
    m integer;
begin
    select l.points, l.balance, true into points, balance, replayed from ledger l where l.id = _id;
    if found then
        return;
    end if;
    points := case when _amount > 0 then _amount / 100 else -_points end;
    replayed := false;
    update member c set balance = c.balance + do_one.points where c.card = _card returning c.no, c.balance into m, balance;
    if not found then
        raise exception 'no member has the card %', _card;
    end if;
    insert into ledger (id, member, store, till, receipt_no, amount, points, balance)
    values (_id, m, _store, _till, _receipt_no, _amount, points, balance);
end $$;

-- A thousand at once, set-based: members locked in one order so that two batches
-- never wait for each other, one update a member, one insert for all rows.
create function do_many(_ids text[], _cards text[], _store text, _till text, _receipt_nos text[], _amounts bigint[], _spent bigint[])
returns table (id text, points bigint, balance bigint, replayed boolean)
language plpgsql as $$
begin
    perform 1 from member c where c.card = any (_cards) order by c.no for update;
    return query
    with wish as (
        select w.id, w.card, w.receipt_no, w.amount, case when w.amount > 0 then w.amount / 100 else -w.spent end as points, w.ord
        from unnest(_ids, _cards, _receipt_nos, _amounts, _spent) with ordinality as w (id, card, receipt_no, amount, spent, ord)
    ), fresh as (
        select w.* from wish w where not exists (select from ledger l where l.id = w.id)
    ), changed as (
        update member c set balance = c.balance + s.points
        from (select f.card, sum(f.points)::bigint as points from fresh f group by f.card) s
        where c.card = s.card
        returning c.no, c.card, c.balance - s.points as before
    ), written as (
        insert into ledger (id, member, store, till, receipt_no, amount, points, balance)
        select f.id, c.no, _store, _till, f.receipt_no, f.amount, f.points,
               c.before + sum(f.points) over (partition by f.card order by f.ord)
        from fresh f join changed c on c.card = f.card
        returning ledger.id, ledger.points, ledger.balance
    )
    select w.id, w.points, w.balance, false from written w
    union all
    select l.id, l.points, l.balance, true from wish w join ledger l on l.id = w.id;
end $$;
