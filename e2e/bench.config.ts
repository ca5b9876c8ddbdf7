/** What is measured in a browser, by the journeys' browser and stack: started by scripts/bench. */
import journeys from './playwright.config.ts';

export default { ...journeys, testDir: 'bench' };
