DROP FUNCTION delete_published;
