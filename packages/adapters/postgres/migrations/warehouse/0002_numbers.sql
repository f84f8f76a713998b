-- The double nearest to the text of a JSON number. A cast refuses what lies nearer to 0 than any double, and what lies
-- beyond the largest; numeric refuses powers that JSON has no bound for.
CREATE FUNCTION number_of(value text) RETURNS float8 LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
DECLARE
  parts text[];
  digits text;
  power numeric;
  magnitude text;
  direction float8 := 1;
BEGIN
  IF length(value) < 300 AND strpos(value, 'e') = 0 AND strpos(value, 'E') = 0 THEN
    RETURN value::float8;
  END IF;
  parts := regexp_match(lower(value), '^(-?)(\d+)(?:\.(\d+))?(?:e(.+))?$');
  digits := ltrim(parts[2] || coalesce(parts[3], ''), '0');
  IF parts[1] = '-' THEN direction := -1; END IF;
  IF digits = '' THEN RETURN 0; END IF;
  -- The magnitude is 0.digits times ten to this.
  power := coalesce(parts[4], '0')::numeric + length(digits) - length(coalesce(parts[3], ''));
  IF power < -330 THEN RETURN 0; END IF;
  IF power > 310 THEN RETURN direction * 'Infinity'::float8; END IF;
  magnitude := '0.' || left(digits, 800) || 'e' || power;
  -- Half of the smallest double, and what rounds to no double any more.
  IF magnitude::numeric < 2.47032822920623272089e-324 THEN RETURN 0; END IF;
  IF magnitude::numeric >= 1.797693134862315807e308 THEN RETURN direction * 'Infinity'::float8; END IF;
  RETURN direction * magnitude::float8;
END
$$;

-- A sum of doubles with what each addition loses, as Neumaier's: [sum, lost]. Beyond the largest double it is infinite,
-- where an addition would be refused.
CREATE FUNCTION compensated_step(state float8[], value float8) RETURNS float8[] LANGUAGE plpgsql IMMUTABLE STRICT AS $$
DECLARE
  total float8;
BEGIN
  IF abs(state[1]) = 'Infinity' THEN RETURN state; END IF;
  IF greatest(abs(state[1]), abs(value)) > 8e307
    AND abs(state[1]::text::numeric + value::text::numeric) >= 1.79769313486231575e308 THEN
    RETURN ARRAY[sign(value) * 'Infinity'::float8, 0];
  END IF;
  total := state[1] + value;
  IF abs(state[1]) >= abs(value) THEN RETURN ARRAY[total, state[2] + ((state[1] - total) + value)]; END IF;
  RETURN ARRAY[total, state[2] + ((value - total) + state[1])];
END
$$;
CREATE FUNCTION compensated_end(state float8[]) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS $$
  SELECT state[1] + state[2]
$$;
CREATE AGGREGATE compensated_sum(float8) (
  sfunc = compensated_step, stype = float8[], finalfunc = compensated_end, initcond = '{0,0}'
);
